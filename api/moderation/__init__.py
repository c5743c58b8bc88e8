"""What should not stand here: anybody signed in flags it, operators decide, with reasons, and can be undone."""
