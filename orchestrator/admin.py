"""`python -m orchestrator.admin`: the dlq commands as a script of their own."""

from orchestrator.cli.dlq import dlq_app
from orchestrator.cli.exits import epilog
from orchestrator.cli.invocation import global_options


def main() -> None:
    """Run the dlq commands; exits with their code."""
    app = dlq_app()
    app.callback(help="Look at the jobs that could not be done, and send, mend or drop them.", epilog=epilog())(
        global_options
    )
    app()


if __name__ == "__main__":
    main()
