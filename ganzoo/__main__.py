"""`python -m ganzoo` is the command line."""

from ganzoo.cli.main import main

if __name__ == "__main__":
    main()
