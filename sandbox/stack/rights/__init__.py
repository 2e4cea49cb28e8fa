"""Who may do what: the one table of rights, and what tries it out on the deployed stack."""
