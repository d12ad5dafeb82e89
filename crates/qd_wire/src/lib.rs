//! Every byte format: bus messages, socket frames, REST bodies, the signed identity.
