"""``python -m workers.text``: the text worker."""

from workers.text.command import main

if __name__ == "__main__":
    main()
