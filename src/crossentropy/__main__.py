"""`python -m crossentropy` is the command."""

from crossentropy.cli import main

if __name__ == "__main__":
    main()
