"""Who signed what: verified entities."""
