"""``python -m workers.clip``: the clip worker."""

if __name__ == "__main__":  # every spawned decoder imports this module too, and needs none of the rest
    from workers.clip.command import main

    main()
