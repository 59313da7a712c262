"""``python -m workers.enhance``: the enhance worker."""

if __name__ == "__main__":  # every spawned decoder imports this module too, and needs none of the rest
    from workers.enhance.command import main

    main()
