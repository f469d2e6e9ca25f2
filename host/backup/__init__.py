"""One encrypted file that holds a whole host, and a host made of it (SPEC section 15)."""
