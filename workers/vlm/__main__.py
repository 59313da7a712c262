"""``python -m workers.vlm``: the worker for vision-language models."""

if __name__ == "__main__":  # every spawned decoder imports this module too, and needs none of the rest
    from workers.vlm.command import main

    main()
