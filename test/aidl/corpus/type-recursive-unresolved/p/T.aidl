package p;

interface T {
    union U {
        int a;
        U b;
    }
    const int A = O.K;
}
