import { useSignal } from '@preact/signals'
import type { Client } from '../../../../connect/client.ts'
import { duration } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Icon } from '../../kit/icon.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { hrefOf } from '../../router.ts'
import { checkClient, type Verdict } from './check-client.ts'
import { model, serverUrl, typedKey, urlIn } from './setup.ts'

/** "Does it work": one small request, and what became of it in words. */
export function CheckPart({ client }: { readonly client: Client }) {
  const { connect: words } = texts.value
  const verdict = useSignal<Verdict | undefined>(undefined)
  const check = async () => {
    verdict.value = undefined
    const key = typedKey.value.trim() || undefined
    verdict.value = await checkClient(client, { model: model.value, key })
  }
  const isElsewhere = urlIn(serverUrl.value) !== location.origin
  return (
    <div class="check-client">
      <div class="row">
        <Button kind="main" disabled={model.value === ''} onPress={check}>
          {words.check}
        </Button>
        <p class="hint">
          {words.checkHint[client.dialect]}
          {typedKey.value.trim() === '' ? words.withOwnKey : words.withThisKey}
          {isElsewhere && words.elsewhere}
        </p>
      </div>
      <div role="status">{verdict.value && <VerdictView verdict={verdict.value} />}</div>
    </div>
  )
}

function VerdictView({ verdict }: { readonly verdict: Verdict }) {
  const { connect: words } = texts.value
  if (verdict.kind === 'works')
    return (
      <div class="notice good verdict">
        <p>
          <Icon name="ok" /> {words.works(duration(verdict.tookMs))}
        </p>
        {verdict.text !== '' && <Untrusted text={verdict.text} />}
      </div>
    )
  const { status, message, requestId } = verdict
  return (
    <div class="notice bad verdict">
      <p>
        <Icon name="warning" /> <strong>{words.troubles[verdict.kind].what}</strong> {words.troubles[verdict.kind].step}
      </p>
      <p>
        {status > 0 && `HTTP ${status}: `}
        <Untrusted text={message} />
      </p>
      {requestId !== undefined && (
        <p>
          <a href={hrefOf(['requests', requestId])}>{words.showRequest}</a>
        </p>
      )}
    </div>
  )
}
