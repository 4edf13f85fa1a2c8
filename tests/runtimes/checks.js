// What is to work on every runtime, over every scheme, against every server. A module without
// imports and types, so that Node, Bun and browsers load it as it is. It speaks with the test that
// has started it by HTTP: stops and starts servers, and tells what has come of each check.

/** How long a check may take, in milliseconds. */
const PATIENCE = 20_000;

/** The checks of a connection, by what they show. */
export const CHECKS = {
  "messages of QoS 0, 1 and 2 arrive, in order": async ({ connect, topic }) => {
    const client = await connect();
    const messages = await client.subscribe(topic, { qos: 2 });
    for (let count = 0; count < 30; count++) {
      await client.publish(topic, `${count}`, { qos: count % 3 });
    }
    const received = await take(messages, 30);
    // Only messages of one QoS keep their order among each other.
    for (const qos of [0, 1, 2]) {
      const texts = received.filter((message) => message.qos === qos).map((m) => m.text());
      equal(texts, Array.from({ length: 10 }, (_, count) => `${count * 3 + qos}`));
    }
    await client.disconnect();
  },

  "a megabyte goes there and comes back": async ({ connect, topic }) => {
    const client = await connect();
    const messages = await client.subscribe(topic, { qos: 2 });
    const payload = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 31) % 251);
    for (const qos of [0, 1, 2]) {
      await client.publish(topic, payload, { qos });
      const [message] = await take(messages, 1);
      equal(message.payload.length, payload.length);
      equal(message.payload.every((byte, index) => byte === payload[index]), true);
    }
    await client.disconnect();
  },

  "properties come through": async ({ connect, topic }) => {
    const client = await connect();
    const messages = await client.subscribe(topic);
    const properties = {
      payloadFormatIndicator: 1,
      contentType: "text/plain",
      responseTopic: "answers/ä",
      messageExpiryInterval: 100,
      userProperties: [["a", "1"], ["a", "2"], ["ü", "😀"]],
    };
    const correlationData = Uint8Array.of(0, 1, 255);
    await client.publish(topic, "text", { ...properties, correlationData });
    const [{ properties: received }] = await take(messages, 1);
    for (const [name, value] of Object.entries(properties)) equal(received[name], value);
    equal([...received.correlationData], [...correlationData]);
    await client.disconnect();
  },

  "a retained message waits for who subscribes": async ({ connect, topic }) => {
    const client = await connect();
    await client.publish(topic, "kept", { qos: 1, retain: true });
    const [message] = await take(await client.subscribe(topic, { qos: 1 }), 1);
    equal([message.text(), message.retain], ["kept", true]);
    await client.publish(topic, "", { qos: 1, retain: true });
    await client.disconnect();
  },

  "a session outlives a restart of the server": async (
    { connect, topic, stop, start },
  ) => {
    const reconnect = { initialDelay: 50, factor: 1 };
    // Mosquitto 2.0.11 saves only sessions that were asked for without Clean Start.
    const options = { cleanStart: false, sessionExpiryInterval: 3600, reconnect };
    const client = await connect({ ...options, clientId: `${topic}-a` });
    const other = await connect({ ...options, clientId: `${topic}-b` });
    const messages = await client.subscribe(topic, { qos: 2 });
    const lost = [event(client, "disconnected"), event(other, "disconnected")];
    await stop();
    await Promise.all(lost);

    // One client waits for its server. The other is saved, ends, and goes on as another client.
    const back = event(client, "connected");
    const publishing = client.publish(topic, "waited", { qos: 2 });
    const given = other.publish(topic, "saved", { qos: 2 }).then(() => "sent", ({ name }) => name);
    const session = JSON.parse(JSON.stringify(other.save()));
    equal(session.queued.length, 1);
    await other.disconnect({ timeout: 0 });
    equal(await given, "ConnectionClosedError");

    await start();
    equal((await back).server.sessionPresent, true);
    equal((await publishing).reasonCode, 0);
    const next = await connect({ ...options, session });
    const texts = (await take(messages, 2)).map((message) => message.text());
    equal(texts.toSorted(), ["saved", "waited"]);
    await next.disconnect({ sessionExpiryInterval: 0 });
    await client.disconnect({ sessionExpiryInterval: 0 });
  },

  "a server that is not there is told in a sentence": async ({ connect, stop, start, url }) => {
    await stop();
    const error = await failure(connect({ connectTimeout: 5000 }));
    equal(error.name, "ConnectionClosedError");
    equal(error.kind, "transient");
    equal(error.message.includes(new URL(url).port), true);
    await start();
  },
};

/** Checks that need no server. */
export const WITHOUT_SERVER = {
  "a broker within the process takes a client within the process": async (
    { mqtt5, broker: { serve } },
  ) => {
    const broker = await serve({ listeners: [] });
    const client = await mqtt5.connect(broker, { sessionExpiryInterval: 100 });
    const messages = await client.subscribe("a/#", { qos: 2 });
    for (const qos of [0, 1, 2]) await client.publish("a/b", `${qos}`, { qos });
    const texts = (await take(messages, 3)).map((message) => message.text());
    equal(texts, ["0", "1", "2"]);
    await client.disconnect();
    await broker.shutDown();
  },

  "a client proves its password by SCRAM": async ({ mqtt5, broker: { serve, ...scram } }) => {
    for (
      const [method, authentication] of [
        ["SCRAM-SHA-256", mqtt5.scramSha256],
        ["SCRAM-SHA-512", mqtt5.scramSha512],
      ]
    ) {
      const keys = await scram.scramKeys(method, "Ⅸ", { iterations: 4096 });
      const broker = await serve({ listeners: [], ...scram.scramAuthentication(() => keys) });
      const login = (password) =>
        mqtt5.connect(broker, { authentication: authentication({ username: "ä", password }) });
      const client = await login("IX");
      await client.reauthenticate();
      await client.disconnect();
      equal((await failure(login("XI"))).reasonCode, 0x87);
      await broker.shutDown();
    }
  },
};

/**
 * Runs checks and tells of each. `mqtt5` is the package, `broker` that of its broker; `control` is
 * where the test listens, `servers` have a name and URLs, `tls` goes with the URLs that have TLS.
 */
export async function runChecks({ mqtt5, broker, more = {}, control, servers, tls, runtime }) {
  const tell = (result) => post(`${control}/result`, result);
  for (const [name, check] of Object.entries({ ...WITHOUT_SERVER, ...more })) {
    await tell(await outcome(name, () => check({ mqtt5, broker })));
  }
  for (const { name: server, urls } of servers) {
    for (const url of urls) {
      const options = tls !== undefined && /^(mqtts|wss):/.test(url) ? { tls } : {};
      let count = 0;
      for (const [name, check] of Object.entries(CHECKS)) {
        let isDown = false;
        const start = async () => {
          await post(`${control}/start`, { server });
          isDown = false;
        };
        const tools = {
          mqtt5,
          url,
          topic: `${runtime}-${new URL(url).protocol.slice(0, -1)}-${++count}`,
          connect: (more) => mqtt5.connect(url, { ...options, ...more }),
          stop: async () => {
            isDown = true;
            await post(`${control}/stop`, { server });
          },
          start,
        };
        await tell(await outcome(`${server}, ${url}: ${name}`, () => check(tools)));
        // A check that has failed may have left it so.
        if (isDown) await start();
      }
    }
  }
  await post(`${control}/done`, {});
}

/** Throws unless two values are alike. */
export function equal(actual, expected) {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`expected ${should}, got ${is}`);
}

/** The error with which a promise is rejected. */
export function failure(promise) {
  return promise.then(() => {
    throw new Error("expected a failure, and there was none");
  }, (error) => error);
}

/** The next messages of a subscription. */
export async function take(messages, count) {
  const taken = [];
  for await (const message of messages) {
    taken.push(message);
    if (taken.length === count) break;
  }
  return taken;
}

/** What a client tells next of this type. */
function event(client, type) {
  return new Promise((resolve) => {
    client.addEventListener(type, ({ detail }) => resolve(detail), { once: true });
  });
}

async function outcome(name, check) {
  const timers = globalThis.realTimers ?? globalThis;
  let timer;
  const late = new Promise((_, reject) => {
    timer = timers.setTimeout(() => reject(new Error(`took over ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    await Promise.race([check(), late]);
    return { name };
  } catch (error) {
    return { name, error: `${error.stack ?? error}\n${error.cause?.stack ?? ""}` };
  } finally {
    timers.clearTimeout(timer);
  }
}

async function post(url, body) {
  const { ok, statusText } = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!ok) throw new Error(statusText);
}
