#!/usr/bin/env python
# - * - coding: utf - 8 -
from eth_utils.crypto import set_crypto_type, CRYPTO_TYPE_GM, CRYPTO_TYPE_ECDSA


class client_config:
    """
    类成员常量和变量，便于用.调用和区分命名空间
    """
    # keyword used to represent the RPC Protocol
    PROTOCOL_RPC = "rpc"
    # keyword used to represent the Channel Protocol
    PROTOCOL_CHANNEL = "channel"

    # crypto_type : 大小写不敏感："GM" for 国密, "ECDSA" 或其他是椭圆曲线默认实现。
    crypto_type = "ECDSA"
    ssl_type = crypto_type
    set_crypto_type(crypto_type)  # 使密码算法模式全局生效，切勿删除此行

    client_protocol = PROTOCOL_CHANNEL  # or PROTOCOL_RPC
    remote_rpcurl = "http://127.0.0.1:8545"
    channel_host = "127.0.0.1"  # 采用channel通信时，节点的channel ip地址
    channel_port = 20200  # 节点的channel 端口
    channel_ca = "bin/ca.crt"
    channel_node_cert = "bin/sdk.crt"
    channel_node_key = 'bin/sdk.key'
    fiscoChainId = 1
    groupid = 1

    contract_info_file = "bin/contract.ini"
    account_password = "123456"  # 实际使用时建议改为复杂密码
    background = True

    # ------------------FISCO BCOS3.0 Begin----------------------------------------
    bcos3_config_file = "./bcos3sdklib/bcos3_sdk_config.ini"
    bcos3_group = "group0"
    bcos3_check_node_version = True
    bcos3_major_version = 3
