"""One module per level of isolation, and what they share. `box.open_box` chooses."""
