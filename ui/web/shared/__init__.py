"""What all views share: the open library, addresses, pictures, the player and the access rules."""
