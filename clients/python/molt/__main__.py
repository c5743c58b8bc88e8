"""`python -m molt` is `molt`."""

from molt.cli import main

main()
