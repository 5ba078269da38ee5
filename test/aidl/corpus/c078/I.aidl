@RequiresNoPermission interface I { @EnforcePermission("X") void g(); }
