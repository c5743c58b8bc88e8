"""How the platform is put together on a machine. `deploy.local` runs all of it on embedded parts."""
