import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function UsageView() {
  return <View title={texts.value.views.usage}>{null}</View>
}
