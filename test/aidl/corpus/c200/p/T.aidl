package p; union T { long[3] f0 = {""}; int b; }
