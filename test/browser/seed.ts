/** The admin's key of the gateways of these tests. Without one, the first named key would shut everybody out. */
export const adminKey = 'sk-console-0123456789abcdef'

/** Sends a request with the admin's key. @param line such as `GET /admin/keys` @returns the answer's body */
export async function ask(url: string, line: string, body?: object): Promise<string> {
  const [method = '', path = ''] = line.split(' ')
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    ...(body && { body: JSON.stringify(body) }),
  })
  // an upstream that breaks off ends the answer so too
  return await response.text().catch(String)
}

/** Fills a gateway with what its views show: answers, streams, failures and keys. */
export async function seed(url: string): Promise<void> {
  const chat = (model: string, more: object = {}) =>
    ask(url, 'POST /v1/chat/completions', { model, messages: [{ role: 'user', content: 'Good morning!' }], ...more })
  await makeKey(url, { name: 'team', rpm: 60, budget: '5 USD/month', models: ['cohere/*'] })
  await makeKey(url, { name: 'boss', role: 'admin', owner: 'ops@example.com' })
  for (const model of models) {
    await chat(model)
    await chat(model, { stream: true })
  }
  await chat('no-such-model')
  await chat('cohere/command-r-08-2024', { max_tokens: -1 })
  const { data }: { readonly data: readonly { readonly name: string }[] } = JSON.parse(
    await ask(url, 'GET /admin/upstreams'),
  )
  for (const { name } of data) await ask(url, `POST /admin/upstreams/${name}/test`)
}

const models = ['mistral/mistral-small-latest', 'ai21/jamba-mini', 'cohere/command-r-08-2024', 'demo/echo']

/** Makes a key with a name. @returns its text */
export async function makeKey(url: string, settings: object): Promise<string> {
  const { key }: { readonly key: string } = JSON.parse(await ask(url, 'POST /admin/keys', settings))
  return key
}
