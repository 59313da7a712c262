"""The garbage collector of a long-lived process."""

import gc


def keep_what_is_loaded() -> None:
    """Take everything that exists by now out of the collector's sight: modules and clients stay until the end anyway.

    Call it once, when all is set up. Full collections otherwise go through them again and again, which was found to
    cost about a twentieth of the processor time of a job.
    """
    gc.collect()
    gc.freeze()
