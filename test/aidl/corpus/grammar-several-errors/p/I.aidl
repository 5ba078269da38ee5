package p; interface I { void f( ; int g(; void ok(); long h) ; String s }
