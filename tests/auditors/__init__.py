"""What independent auditors say of the template and of the roles that are made of it."""
