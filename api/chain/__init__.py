"""What a wallet must know of the chain that the platform is on. One endpoint."""
