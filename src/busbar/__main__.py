"""`python -m busbar`: the command line."""

from busbar.cli.main import main

if __name__ == "__main__":
    main()
