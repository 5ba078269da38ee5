package p; /** ä @deprecated ö */ interface I { void f(); }
