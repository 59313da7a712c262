"""The export of the text model, and its measure."""
