import { serve } from "/tmp/w/p5/src/broker/mod.ts";
const b = await serve({ port: 0 });
console.log(b.port);
