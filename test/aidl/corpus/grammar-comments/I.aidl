// one
/* two */
/** three */ package /* four */ p /* five */ ; // six
/**/ interface I { /* @hide */ void f(/* a */); // end
 /** @deprecated is
   * old */ void g(); /***/ }
// last
