package p;
interface I {
  void f();
  int g() }
