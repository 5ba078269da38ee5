@EnforcePermission("A") interface I { @RequiresNoPermission void f(); }
