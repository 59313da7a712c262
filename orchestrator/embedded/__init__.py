"""What only a system without servers needs: SQLite in a thread, a control socket, child workers."""
