class client_config:
    crypto_type = "gm"
    ssl_type = crypto_type
    client_protocol = "channel"
    channel_host = "node0.example.com"
    channel_port = 20300
    channel_ca = "bin/gmca.crt"
    channel_node_cert = "bin/gmsdk.crt"
    channel_node_key = "bin/gmsdk.key"
    channel_en_crt = "bin/gmensdk.crt"
    channel_en_key = "bin/gmensdk.key"
