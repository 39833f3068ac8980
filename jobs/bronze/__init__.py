"""Bronze: what each batch brought, typed, checked and without personal data."""
