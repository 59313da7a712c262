"""What a catalogue says of businesses, and the rows that it is handed in as."""
