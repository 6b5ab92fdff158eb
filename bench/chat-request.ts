/**
 * Returns the bytes of a chat request over HTTP.
 * @param content  names the request in the mock's list of cut requests
 */
export function chatRequest(model: string, content = 'Say tok.'): Buffer {
  const messages = [{ role: 'user', content }]
  if (model === 'json') return post({ model, messages })
  return post({ model, messages, stream: true, stream_options: { include_usage: true } })
}

export function healthRequest(): Buffer {
  return Buffer.from('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n')
}

function post(value: object): Buffer {
  const body = JSON.stringify(value)
  const head =
    'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
    `Accept: application/json, text/event-stream\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.from(head + body)
}
