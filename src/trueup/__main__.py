"""`python -m trueup` is the command line."""

from trueup.cli.main import main

main()
