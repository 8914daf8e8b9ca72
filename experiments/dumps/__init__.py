"""Makes what ``kubectl get nodes,pods,rc,rs,svc -A -o json`` prints of a cluster: to load, to time, to try."""
