// c1
/* c2 */
package p; /** @hide */ @VintfStability interface IFoo { const int A = 1 | 2 == 2; /** @deprecated use x
 * more
 * @hide */ oneway void f(in int[] a, @nullable String s); const String S="a"+"b"; @utf8InCpp List<String> g(out int[3][2] x) ; parcelable P { int a = 3; float f = 1.5; double d = 1e3; char c='x'; int[] k={1,2,}; String[] s={"a"}; byte b=0xffu8; } enum E {A, B=5, C} E e(); union U {int a; P p;} P[2] q(in @nullable P[] p); }