@EnforcePermission("A") interface I { void f(); }
