import { useEffect, useRef } from 'preact/hooks'
import { shellQuote } from '../../../../connect/quoting.ts'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { CopyBox } from '../../kit/copy.tsx'
import { Words } from '../../kit/words.tsx'
import { hrefOf } from '../../router.ts'
import type { MadeKey } from './types.ts'

interface MadeKeyProps {
  readonly made: MadeKey
  readonly onDismiss: () => void
}

/** The key that was made. It stays until it is dismissed, because it is never shown again. */
export function MadeKeyPart({ made, onDismiss }: MadeKeyProps) {
  const words = texts.value.keys
  const title = useRef<HTMLHeadingElement>(null)
  useEffect(() => title.current?.focus(), [made.key])
  return (
    <section class="card made-key">
      <h2 ref={title} tabIndex={-1}>
        <Words text={words.madeTitle(made.name)} />
      </h2>
      <p class="notice warning">{words.madeText}</p>
      <CopyBox text={made.key} label={words.key} />
      <p>{words.snippet}</p>
      <CopyBox text={snippetOf(made.key)} label={words.snippetLabel} />
      <div class="row">
        <Button kind="main" onPress={onDismiss}>
          {words.dismiss}
        </Button>
        <a href={hrefOf(['connect'])}>{words.connect}</a>
      </div>
    </section>
  )
}

function snippetOf(key: string): string {
  return [
    `export OPENAI_BASE_URL=${shellQuote(`${location.origin}/v1`)}`,
    `export OPENAI_API_KEY=${shellQuote(key)}`,
    'curl "$OPENAI_BASE_URL/models" -H "Authorization: Bearer $OPENAI_API_KEY"',
  ].join('\n')
}
