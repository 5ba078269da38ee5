interface IFoo { const int A = 1
void f(); int g(; const int Z = ;  void h(); }