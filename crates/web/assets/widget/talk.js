// Requests to the server: asking, loading and clearing the visitor's history.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

// `crypto.randomUUID` exists only on encrypted pages.
const newSession = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
};

// Returns the visitor's session with a widget, stored under the same name as by the other product's
// script.
const sessionOf = (embed) => {
  const name = `allm_${embed}_session_id`;
  try {
    const known = localStorage.getItem(name);
    if (known && UUID.test(known)) return known;
    const made = newSession();
    localStorage.setItem(name, made);
    return made;
  } catch {
    // Without storage, the session lasts as long as the page.
    return newSession();
  }
};

// A refusal, with a message for the visitor.
class Refused extends Error {}

const talk = (options, texts) => {
  const { base, embed, language } = options;
  const session = sessionOf(embed);
  const place = `${base}/${encodeURIComponent(embed)}`;

  const byStatus = (response) => {
    switch (response.status) {
      case 401: case 403: return texts.page;
      case 404: return texts.gone;
      case 413: return texts.long;
      case 429: return response.headers.get("retry-after") ? texts.fast : texts.limit;
      case 503: return texts.off;
      default: return texts.broken;
    }
  };
  const refusal = async (response) => {
    const said = await response.json().catch(() => null);
    const message = [said?.errorMsg, said?.error].find((it) => typeof it === "string" && it);
    // Messages of the server are in English.
    return new Refused(language === "en" && message ? message : byStatus(response));
  };
  const request = async (address, how) => {
    let response;
    try {
      response = await fetch(address, { credentials: "omit", referrerPolicy: "strict-origin-when-cross-origin", ...how });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(texts.unreachable);
    }
    if (!response.ok) throw await refusal(response);
    return response;
  };

  const history = async () => {
    const said = await (await request(`${place}/${session}`)).json().catch(() => null);
    const messages = Array.isArray(said?.history) ? said.history : [];
    return messages.filter((it) => typeof it?.content === "string" && ["user", "assistant"].includes(it.role));
  };
  const forget = () => request(`${place}/${session}`, { method: "DELETE" });

  // Asks a question and calls `tell` with each part of the answer.
  const ask = async (message, signal, tell) => {
    const { prompt, model, temperature, username } = options;
    // Sent as plain text, which needs no preflight request.
    const body = JSON.stringify({ message, sessionId: session, username, prompt, model, temperature });
    const response = await request(`${place}/stream-chat`, { method: "POST", body, signal });
    let isClosed = false;
    for await (const event of events(response.body)) {
      if (event.type === "abort" || event.error === true) throw new Refused(failure(event));
      if (typeof event.textResponse === "string") tell(event.textResponse);
      isClosed ||= event.close === true;
    }
    if (!isClosed) throw new Refused(texts.broken);
  };
  const failure = (event) => {
    const message = [event.errorMsg, event.error].find((it) => typeof it === "string" && it);
    return language === "en" && message ? message : texts.broken;
  };

  return { ask, history, forget };
};

// Yields the JSON of the server-sent events in a body.
async function* events(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? `${decoder.decode()}\n\n` : decoder.decode(value, { stream: true });
      const parts = rest.split(/\r?\n\r?\n/);
      rest = parts.pop();
      for (const part of parts) {
        const lines = part.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        const data = lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
        if (!data) continue;
        let event;
        try { event = JSON.parse(data); } catch { continue; }
        if (event && typeof event === "object") yield event;
      }
      if (done) return;
    }
  } catch (error) {
    // The caller detects an interrupted stream by its missing last event.
    if (error.name === "AbortError") throw error;
  } finally {
    reader.releaseLock();
  }
}
