"""`python -m sweepspot` is the command line."""

from sweepspot.cli import main

if __name__ == "__main__":
    main()
