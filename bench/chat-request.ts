/** Returns the bytes of a chat request over HTTP. @param content  names the request in the mock's lists */
export function chatRequest(model: string, content = 'Say tok.'): Buffer {
  const messages = [{ role: 'user', content }]
  if (model === 'json') return jsonRequest(messages)
  return post(path, { model, messages, stream: true, stream_options: { include_usage: true } })
}

/** Returns the bytes of a request for a whole answer. @param key  the client's key; without it none is sent */
export function jsonRequest(messages: readonly object[], key?: string): Buffer {
  return post(path, { model: 'json', messages }, key === undefined ? '' : `Authorization: Bearer ${key}\r\n`)
}

export function getRequest(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n`)
}

const path = '/v1/chat/completions'

/** Returns the bytes of any request with a JSON body. */
export function post(path: string, value: object, moreHeaders = ''): Buffer {
  const body = JSON.stringify(value)
  const head =
    `POST ${path} HTTP/1.1\r\n` +
    'Host: 127.0.0.1\r\nContent-Type: application/json\r\n' +
    `Accept: application/json, text/event-stream\r\n${moreHeaders}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.from(head + body)
}
