"""Floor 8: what users call to differentiate: grad, vjp, jvp, hessian, vmap, gradient, backprop …"""
