/* lic */ // tt
package p;
// two
/** @hide */
parcelable P { }