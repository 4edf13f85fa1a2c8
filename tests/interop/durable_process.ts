// A process for durable_test.ts: a client with a file does a part of its work, tells so in a line, and waits to be killed.
// deno run --allow-net=127.0.0.1 --allow-read=FILE --allow-write=FILE tests/interop/durable_process.ts URL FILE

import { connect } from "../../mod.ts";
import { openStore } from "../../src/store/mod.ts";

if (import.meta.main) {
  const [url, path] = Deno.args as [string, string];
  const store = openStore(path);
  store.transaction((database) => database.exec("CREATE TABLE own (text TEXT)"));
  const client = await connect(url, { clientId: "durable", sessionExpiryInterval: 1000, store });
  const messages = await client.subscribe("in", { qos: 2 });
  for (let number = 0; number < 5; number++) await client.publish("in", `${number}`, { qos: 2 });
  for await (const message of messages) {
    message.commit((database) =>
      database.prepare("INSERT INTO own VALUES (?)").run(message.text())
    );
    if (message.text() === "2") break;
  }
  const receipts = [];
  for (let number = 0; number < 300; number++) {
    receipts.push(client.enqueue("out", `${number}`, { qos: 2 }));
  }
  const [first] = await Promise.all(receipts);
  console.log(first!.id);
  setInterval(() => {}, 1000);
}
