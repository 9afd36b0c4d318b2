"""A seeded world of advertisers, so that anyone can run everything without data of their own."""
