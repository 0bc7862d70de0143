{{/*
Values that mean nothing while another one is off: `a value that is given and not used` would be a promise that isn't kept, such as TLS.
A row is WHAT IS NEEDED: {VALUE: ITS DEFAULT}. What is needed is a value that isn't empty, `VALUE=TEXT`, or several with `|` between, one of
which is enough. tests/chart holds the table against values_table.yaml.
*/}}
{{- define "flowsensor.dependent" -}}
kafka.sasl.enabled: {kafka.sasl.mechanism: SCRAM-SHA-512, kafka.sasl.existingSecret: "", kafka.sasl.username: "", kafka.sasl.usernameKey: username, kafka.sasl.passwordKey: password}
kafka.sasl.mechanism=OAUTHBEARER: {kafka.sasl.oauth.tokenUrl: "", kafka.sasl.oauth.audience: "", kafka.sasl.oauth.extensions: {}}
kafka.sasl.oauth.tokenUrl: {kafka.sasl.oauth.scope: ""}
kafka.sasl.oauth.audience: {kafka.sasl.oauth.expirationSeconds: 3600}
kafka.tls.enabled: {kafka.tls.existingSecret: "", kafka.tls.caSecret: "", kafka.tls.certificateKey: "", kafka.tls.keyKey: ""}
kafka.tls.existingSecret|kafka.tls.caSecret: {kafka.tls.caKey: ca.crt}
schemaRegistry.url: {schemaRegistry.timeout: 5s, schemaRegistry.trustCache: false, schemaRegistry.existingSecret: "", schemaRegistry.tls.existingSecret: "", schemaRegistry.tls.certificateKey: "", schemaRegistry.tls.keyKey: ""}
schemaRegistry.existingSecret: {schemaRegistry.usernameKey: username, schemaRegistry.passwordKey: password, schemaRegistry.bearerTokenKey: "", schemaRegistry.oauth.tokenUrl: ""}
schemaRegistry.oauth.tokenUrl: {schemaRegistry.oauth.scope: ""}
schemaRegistry.tls.existingSecret: {schemaRegistry.tls.caKey: ca.crt}
anonymization.existingSecret: {anonymization.key: key}
identity.existingSecret: {identity.key: key}
identity.connKey.existingSecret: {identity.connKey.key: key}
state.type=hostPath: {state.hostPath: /var/lib/flowsensor}
state.type=emptyDir: {state.sizeLimit: ""}
spool.enabled: {spool.size: 1GiB}
topics.provision=job|topics.provision=strimzi: {topics.partitions: 12, topics.replicationFactor: -1, topics.config: {retention.ms: 604800000, cleanup.policy: delete}}
topics.provision=job: {topics.principal: "", topics.admin.existingSecret: ""}
topics.admin.existingSecret: {topics.admin.usernameKey: username, topics.admin.passwordKey: password}
topics.provision=strimzi: {topics.strimzi.cluster: "", topics.strimzi.namespace: "", topics.strimzi.apiVersion: v1, topics.strimzi.user.create: true, topics.strimzi.user.name: "", topics.strimzi.user.authentication: scram-sha-512}
topics.strimzi.user.create: {topics.strimzi.user.name: "", topics.strimzi.user.authentication: scram-sha-512}
test.enabled: {test.topic: ""}
monitoring.service.enabled: {monitoring.service.annotations: {}}
{{- range list "serviceMonitor" "podMonitor" }}
{{ . }}.enabled: { {{- . }}.namespace: "", {{ . }}.labels: {}, {{ . }}.annotations: {}, {{ . }}.interval: "", {{ . }}.scrapeTimeout: "", {{ . }}.relabelings: [], {{ . }}.metricRelabelings: []}
{{- end }}
prometheusRule.enabled: {prometheusRule.namespace: "", prometheusRule.labels: {}, prometheusRule.annotations: {}, prometheusRule.runbookUrl: "https://github.com/flowsensor/flowsensor/blob/main/deploy/runbooks", prometheusRule.disabled: [], prometheusRule.alertLabels: {}}
dashboard.enabled: {dashboard.namespace: "", dashboard.labels: {grafana_dashboard: "1"}, dashboard.annotations: {}}
probes.startup.enabled: {probes.startup.periodSeconds: 2, probes.startup.timeoutSeconds: 2, probes.startup.failureThreshold: 60}
probes.liveness.enabled: {probes.liveness.periodSeconds: 10, probes.liveness.timeoutSeconds: 5, probes.liveness.failureThreshold: 3}
probes.readiness.enabled: {probes.readiness.periodSeconds: 5, probes.readiness.timeoutSeconds: 5, probes.readiness.failureThreshold: 3}
serviceAccount.create: {serviceAccount.annotations: {}}
updateStrategy.type=RollingUpdate: {updateStrategy.rollingUpdate.maxUnavailable: 10%}
{{- end -}}

{{/* JSON of the value at a path, null if there is none: (dict "values" .Values "path" "a.b"). */}}
{{- define "flowsensor.valueAt" -}}
{{- $value := .values -}}
{{- range splitList "." .path -}}
{{- $value = ternary (get (default dict $value) .) nil (kindIs "map" $value) -}}
{{- end -}}
{{- toJson $value -}}
{{- end -}}

{{/* "true" if what is needed is there: (dict "values" .Values "needed" TEXT). */}}
{{- define "flowsensor.isThere" -}}
{{- $values := .values -}}
{{- range splitList "|" .needed -}}
{{- $parts := splitList "=" . -}}
{{- $value := include "flowsensor.valueAt" (dict "values" $values "path" (first $parts)) -}}
{{- $filled := not (has $value (list "null" "false" `""` "[]" "{}" "0")) -}}
{{- if eq (len $parts) 2 }}{{ $filled = eq $value (toJson (last $parts)) }}{{ end -}}
{{- if $filled }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- define "flowsensor.checkGiven" -}}
{{- $values := .Values -}}
{{- $lines := list -}}
{{- range $needed, $dependent := include "flowsensor.dependent" . | fromYaml -}}
{{- if not (include "flowsensor.isThere" (dict "values" $values "needed" $needed)) -}}
{{- range $path, $default := $dependent -}}
{{- $value := include "flowsensor.valueAt" (dict "values" $values "path" $path) -}}
{{- if not (has $value (list "null" (toJson $default))) -}}
{{- $lines = append $lines (printf "%s is given, and means nothing without %s" $path (replace "|" " or " $needed)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $lines -}}
{{- fail (printf "\n\n%s\n\nSet what is needed, or take the value away.\n" (uniq $lines | join "\n")) -}}
{{- end -}}
{{- end -}}
