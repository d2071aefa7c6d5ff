// The few calls of the API that the scenarios need. PARLOR_URL and PARLOR_APP_SECRET say where and as whom.
const { PARLOR_URL, PARLOR_APP_SECRET } = process.env;
if (!PARLOR_URL || !PARLOR_APP_SECRET) throw new Error("set PARLOR_URL and PARLOR_APP_SECRET");

async function call(token, method, path, body) {
  const response = await fetch(`${PARLOR_URL}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

export async function createUser(id) {
  const { token } = await call(PARLOR_APP_SECRET, "POST", "/tokens", { user: { id, name: id } });
  return {
    id,
    post: (path, body = {}) => call(token, "POST", path, body),
    delete: (path) => call(token, "DELETE", path),
    say: (channel, text) => call(token, "POST", `/channels/${channel}/messages`, { text }),
    deactivate: () => call(PARLOR_APP_SECRET, "POST", `/users/${id}/deactivate`, {}),
  };
}

// A channel of these users; the first is its owner.
export async function createChannel(users) {
  const members = users.map(({ id }, at) => ({ user_id: id, role: at === 0 ? "owner" : "member" }));
  return (await call(PARLOR_APP_SECRET, "POST", "/channels", { type: "team", members })).id;
}
