@SuppressWarnings(value={"no-such"}) interface I { }
